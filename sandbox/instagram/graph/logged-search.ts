const secrets = new Set(['access_token', 'fb_exchange_token', 'client_secret', 'appsecret_proof'])

/** The query without what opens doors: the official API takes its token there. */
export function withoutTokens(search: string): string {
  const parts = search.split('&').map((part) => {
    const [name = ''] = part.split('=', 1)
    // However the name is spelt: `access%5Ftoken` is read as the same.
    const [read = ''] = new URLSearchParams(name).keys()
    return secrets.has(read.toLowerCase()) ? `${name}=***` : part
  })
  return parts.join('&')
}
