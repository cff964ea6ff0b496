// Keeps the page up to date, and lets arrow keys walk over a job's calls. All of it works without this, on a reload.

const main = document.querySelector('main[data-live]')
const live = document.getElementById('live')
if (main && live) {
  const { live: address } = main.dataset
  let source
  let waitMs = 1000
  // A browser opens few connections to one host: a page that nobody sees holds none.
  const listen = () => {
    source?.close()
    if (document.hidden) return
    source = new EventSource(address)
    source.addEventListener('message', ({ data }) => renew(JSON.parse(data)))
    source.addEventListener('open', () => {
      tellStale(false)
      waitMs = 1000
    })
    source.addEventListener('error', ({ target }) => {
      tellStale(true)
      // A browser asks anew by itself where the connection was lost, never where the answer was an error.
      if (target === source && target.readyState === EventSource.CLOSED)
        setTimeout(listenAgain, waitMs)
    })
  }
  const listenAgain = async () => {
    waitMs = Math.min(30_000, 2 * waitMs)
    // Who is logged in is led away from there, to an address that is not to be looked at.
    const login = await fetch('/login', { redirect: 'manual' }).catch(() => undefined)
    if (login?.ok) location.reload()
    else if (source.readyState === EventSource.CLOSED) listen()
  }
  document.addEventListener('visibilitychange', listen)
  listen()
}

/** What is shown may be old by now. */
function tellStale(isStale) {
  document.documentElement.classList.toggle('stale', isStale)
}

function renew({ title, order, parts }) {
  document.title = `${title} · nightledger`
  main.querySelector('h1').textContent = title
  const at = whereTheFocusIs()
  for (const old of live.querySelectorAll(':scope > .part'))
    if (!order.includes(old.id)) old.remove()
  let before = null
  for (const id of order) {
    const old = document.getElementById(id)
    if (id in parts) {
      const made = fromHtml(parts[id])
      if (!old && before) before.after(made)
      else if (!old) live.prepend(made)
      else if (old.dataset.state !== made.dataset.state) replace(old, made)
    }
    before = document.getElementById(id)
  }
  if (at && document.activeElement === document.body) at()?.focus({ preventScroll: true })
}

function fromHtml(text) {
  const template = document.createElement('template')
  template.innerHTML = text
  return template.content.firstElementChild
}

/** What somebody has unfolded or scrolled stays so. */
function replace(old, made) {
  const opened = [...old.querySelectorAll('details')].map(({ open }) => open)
  for (const [n, details] of made.querySelectorAll('details').entries())
    if (opened[n] !== undefined) details.open = opened[n]
  const scrolled = [...old.querySelectorAll('.scroll')].map(({ scrollLeft }) => scrollLeft)
  old.replaceWith(made)
  for (const [n, box] of made.querySelectorAll('.scroll').entries())
    if (scrolled[n]) box.scrollLeft = scrolled[n]
}

/** A function that finds what has the focus again, once its part was replaced. */
function whereTheFocusIs() {
  const focused = document.activeElement
  const part = focused?.closest('.part')
  if (!part) return undefined
  const { id } = part
  const same = `${focused.localName}${focused.name ? `[name="${focused.name}"]` : ''}`
  const to = focused.getAttribute('href')
  const place = [...part.querySelectorAll(same)].indexOf(focused)
  return () => {
    const all = [...(document.getElementById(id)?.querySelectorAll(same) ?? [])]
    return all.find((one) => to !== null && one.getAttribute('href') === to) ?? all[place]
  }
}

// Of a job's calls only the newest is in the order of the tabulator; from there arrows lead on, up and down to other jobs.
document.addEventListener('keydown', (event) => {
  const call = event.target.closest?.('a.call')
  const steps = { ArrowLeft: 1, ArrowRight: -1, Home: 1 / 0, End: -1 / 0 }
  if (!call || event.ctrlKey || event.altKey || event.metaKey) return
  const row = [...call.parentElement.querySelectorAll('a.call')]
  const here = row.indexOf(call)
  let to
  if (event.key in steps)
    to = row.at(Math.min(row.length - 1, Math.max(0, here + steps[event.key])))
  else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const rows = [...document.querySelectorAll('.calls')].filter((one) =>
      one.querySelector('a.call'),
    )
    const other = rows[rows.indexOf(call.parentElement) + (event.key === 'ArrowDown' ? 1 : -1)]
    const calls = [...(other?.querySelectorAll('a.call') ?? [])]
    to = calls[Math.min(here, calls.length - 1)]
  }
  if (!to) return
  event.preventDefault()
  to.focus()
})
