const most = 5

/**
 * Does a transaction again that lost a deadlock: nothing of it was written. Those that write results lock tasks as they come to them, so
 * that a cancelling may meet one half way.
 * @throws what the work throws, also the fifth deadlock.
 */
export async function againOnDeadlock<T>(transact: () => Promise<T>): Promise<T> {
  for (let time = 1; ; time++) {
    try {
      return await transact()
    } catch (error) {
      const isDeadlock = error instanceof Error && 'code' in error && error.code === '40P01'
      if (!isDeadlock || time === most) throw error
    }
  }
}
