import { stringify } from 'safe-stable-stringify'

/** JSON whose keys are sorted: equal content makes an equal text. */
export function stableJson(value: unknown): string {
  return stringify(value) ?? 'null'
}
