/**
 * Addresses in JSON, each a whole text: of a CDN, whose host and query count for nothing, or with a query that has a signature, which then
 * counts for nothing. Others stay as they are: what a profile links to is another page with another query.
 */
const signed =
  /"https?:\/\/(?:[^"\s\\/?#]*cdn[^"\s\\/?#]*(\/[^"\s\\?]*)(?:\?[^"\s\\]*)?|([^"\s\\?]*)\?(?:[^"\s\\]*&)?(?:e|oh|oe|sig|signature|expires|x-amz-[a-z]+|_nc_[a-z]+)=[^"\s\\]*)"/gi

/** What of a record's JSON stays the same from answer to answer: media addresses are signed anew in each. */
export function withoutSignatures(json: string): string {
  return json.replace(signed, '"$1$2"')
}
