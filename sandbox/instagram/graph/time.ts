/** `2026-01-05T08:00:00+0000`: UTC, no colon in the offset (upstreams/instagram.md, A). */
export const graphTime = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19)}+0000`
