import type { Post } from '../db/incident-posts.ts'

/** What is posted: JSON that Slack takes, and what takes after it (Mattermost, Rocket.Chat, Discord's `/slack`). */
export interface AlertMessage {
  text: string
  blocks: object[]
}

// Slack refuses a block with more than 3000 characters.
const longestText = 1500

/** The same line stands in `text`, for notifications and for whoever takes no blocks. */
export function alertMessage(post: Post, hide: (text: string) => string): AlertMessage {
  const say = (text: string) => escape(shorten(hide(text)))
  const { kind, about, job } = post
  const what = {
    failed: about === 'parts' ? 'a call on a part failed' : 'failed',
    late: 'is late',
    check: `check ${about} failed`,
  }[kind]
  const isOver = post.says === 'over'
  const head = isOver ? `Over: ${job}: ${what}` : `${job}: ${what}`
  const since = post.openedAt.toISOString()
  const detail = isOver ? `${post.closedBecause ?? ''}; it began at ${since}` : post.message
  const lines = [detail, ...(isOver || !post.hint ? [] : [post.hint])]
  const context = [
    `since ${since}`,
    ...(post.closedAt ? [`until ${post.closedAt.toISOString()}`] : []),
    ...(post.jobCallId ? [`npm run ledger -- show ${post.jobCallId}`] : []),
  ]
  return {
    text: `${isOver ? ':white_check_mark:' : ':rotating_light:'} ${say(head)}: ${say(detail)}`,
    blocks: [
      section(`${isOver ? ':white_check_mark:' : ':rotating_light:'} *${say(head)}*`),
      section(lines.map(say).join('\n')),
      { type: 'context', elements: [{ type: 'mrkdwn', text: say(context.join(' · ')) }] },
    ],
  }
}

const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } })

/** What Slack takes for the beginning of a link, a mention or an entity. */
const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** An upstream's answer may be quoted in an error. By code points: half of one is not JSON that everybody reads. */
function shorten(text: string): string {
  const characters = Array.from(text)
  return characters.length > longestText ? `${characters.slice(0, longestText).join('')}…` : text
}
