/*
 * Instagram's rules. A username: letters, digits, dots and underscores, up to 30, no dot at its end. A hashtag: letters and
 * digits of any script, underscores, emoji.
 */

/** Scripts without spaces between words: a name may stand right after one of their letters. */
const unspaced = String.raw`[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}]`
/** A letter or digit before it makes it part of an e-mail address, a slash that of an address of another site. */
const mention = new RegExp(
  String.raw`(?<!(?!${unspaced})[\p{L}\p{M}\p{N}_/])@([A-Za-z0-9._]+)`,
  'gu',
)
const username = /^[a-z0-9._]{0,29}[a-z0-9_]$/

const letter = String.raw`\p{L}\p{N}_\p{Extended_Pictographic}\p{RI}`
const tag = String.raw`[#＃](?:[${letter}][${letter}\p{M}\u200c\u200d]*)`
/** Tags may be strung together; `&#39;` and the part of an address after its `#` are none. */
const tags = new RegExp(String.raw`(?<![\p{L}\p{M}\p{N}_&/])(?:${tag})+`, 'gu')
const longestTag = 100

/** Who is mentioned, without the @, each once, in their order. Usernames have no capitals. */
export function mentionsOf(text: string): string[] {
  if (!text.includes('@')) return []
  const names = [...text.matchAll(mention)].map(([, name = '']) =>
    name.toLowerCase().replace(/\.+$/, ''),
  )
  return unique(names.filter((name) => username.test(name)))
}

/** An address of a profile. */
const profileAddress = /(?<=\binstagram\.com\/)([A-Za-z0-9._]+)/gi

/** The text with `[erased]` for each mention and address of a profile that `isErased` says. Usernames come to it in small letters. */
export function withoutMentions(text: string, isErased: (username: string) => boolean): string {
  const leaveOut = (whole: string, name: string) => {
    const bare = name.replace(/\.+$/, '')
    return isErased(bare.toLowerCase()) ? `[erased]${name.slice(bare.length)}` : whole
  }
  if (text.includes('instagram.com/')) text = text.replace(profileAddress, leaveOut)
  return text.includes('@') ? text.replace(mention, leaveOut) : text
}

/** The hashtags, without the #, each once, in their order. Instagram takes no note of capitals. */
export function hashtagsOf(text: string): string[] {
  if (!/[#＃]/.test(text)) return []
  const runs = [...text.matchAll(tags)].flatMap(([run]) => run.split(/[#＃]/))
  return unique(
    runs
      .map((name) => name.normalize('NFC').toLowerCase())
      .filter((name) => name !== '' && name.length <= longestTag),
  )
}

export const unique = (names: readonly string[]): string[] => [...new Set(names)]
