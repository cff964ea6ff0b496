/** What of a record goes to the image and text services. */
export interface Contents {
  /** Those that are empty, or were not told, are left out. */
  texts: readonly (string | null | undefined)[]
  media?: readonly Medium[]
}

/** A photo or video of a post. */
export interface Medium {
  post_id: string
  post_shortcode: string | undefined
  /** Its place in the post, from 1. */
  position: number
  /** Signed: good for some hours. A video's is that of the film. */
  url: string | undefined
}

/** Which of these there is a service for: what there is none for makes no tasks. */
export interface Analysed {
  texts: boolean
  media: boolean
}
