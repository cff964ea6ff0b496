import { createHash } from 'node:crypto'
import { type Html, html, type Value } from './html.ts'
import { formToken, type Session } from './sessions.ts'

/** A page: what it is called, what is kept up to date while it is looked at, and what stays as it is (forms). */
export interface Page {
  title: string
  /** In order; ids are those of elements. */
  live: readonly Part[]
  still?: (session: Session) => Html
}

export interface Part {
  id: string
  content: Html
}

/** Tells one state of a part from another. */
export function stateOf({ content }: Part): string {
  return createHash('sha1').update(content.text).digest('base64url').slice(0, 10)
}

/** A part as an element that the browser can replace. */
export function element(part: Part): Html {
  return html`<div class="part" id="${part.id}" data-state="${stateOf(part)}">${part.content}</div>`
}

/**
 * The whole document.
 * @param address where the page is: its news come from `<address>/live`
 */
export function document(page: Page, session: Session, address: string): Html {
  return frame(
    page.title,
    html`<header class="top">
  <a class="home" href="/">nightledger</a>
  <nav aria-label="Pages">${links.map(([to, name]) => link(to, name, address))}</nav>
  <form method="post" action="/logout">${csrf(session)}<span class="who">${session.who}</span> <button class="quiet">Log out</button></form>
</header>
<main id="main" data-live="${liveAddress(address)}">
<h1>${page.title}</h1>
<div id="live">
${page.live.map(element)}
</div>
${page.still?.(session)}
</main>`,
  )
}

/** A document for people who are not logged in: nothing of the ledger stands in it. */
export function outside(title: string, content: Html, head?: Html): Html {
  return frame(
    title,
    html`<main id="main" class="outside"><h1>${title}</h1>${content}</main>`,
    head,
  )
}

/** The hidden field that makes a form one of this session. */
export function csrf(session: Session): Html {
  return html`<input type="hidden" name="form_token" value="${formToken(session)}">`
}

function frame(title: string, body: Html, head: Value = ''): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · nightledger</title>
<link rel="icon" href="/page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page/style.css">
${head}<script type="module" src="/page/page.js"></script>
</head>
<body>
<a class="skip" href="#main">To the content</a>
${body}
</body>
</html>
`
}

const links = [
  ['/', 'Jobs'],
  ['/upstreams', 'Upstreams'],
  ['/actions', 'Who did what'],
] as const

function link(to: string, name: string, address: string): Html {
  const [path] = address.split('?')
  return html`<a href="${to}"${path === to && html` aria-current="page"`}>${name}</a> `
}

function liveAddress(address: string): string {
  const [path = '', query] = address.split('?')
  return `${path.replace(/\/$/, '')}/live${query === undefined ? '' : `?${query}`}`
}
