import { type Html, html } from './html.ts'

/**
 * How far something is. Attributes alone draw it: the page's policy lets no style in.
 * @param done a share from 0 to 1; undefined: nobody knows how much is to come
 */
export function bar(done: number | undefined, about: string, status: string): Html {
  if (done === undefined)
    return html`<svg class="bar unknown ${status}" role="progressbar" aria-label="${about}" viewBox="0 0 100 8" preserveAspectRatio="none">
<rect width="100" height="8"/><path d="M2 4H100"/></svg>`
  const percent = Math.round(Math.min(1, Math.max(0, done)) * 1000) / 10
  return html`<svg class="bar ${status}" role="progressbar" aria-label="${about}" aria-valuenow="${percent}" aria-valuemin="0" aria-valuemax="100"
viewBox="0 0 100 8" preserveAspectRatio="none"><rect width="100" height="8"/><rect class="done" width="${percent}" height="8"/></svg>`
}
