import { lookAtPicture } from '../analysis/picture.ts'
import { readText } from '../analysis/read-text.ts'
import type { Prediction } from './prediction.ts'

/** What a model says: by the content alone, whoever asks and whenever, in the shape of that model. */
export function outputOf({ model, content, text, fate }: Prediction): unknown {
  if (fate?.kind === 'outputNull') return null
  if (fate?.kind === 'outputNumber') return 42
  if (model.kind === 'text') return readText(text, 'utf16')
  const findings = lookAtPicture(content)
  if (model.tells === 'findings') return findings
  if (model.tells === 'detections') return { detections: findings.labels.map(detection) }
  const names = findings.labels.map(({ name }) => name.toLowerCase()).join(', ')
  if (model.tells === 'tags') return { tags: names }
  const caption = `a picture of ${names === '' ? 'nothing' : names}`
  return model.tells === 'caption' ? caption : caption.split(/(?= )/)
}

/** Corners in pixels of a picture of 1,080 by 1,350; the whole of it where the label has no place. */
function detection({
  name,
  confidence,
  boxes,
}: ReturnType<typeof lookAtPicture>['labels'][number]) {
  const { left, top, width, height } = boxes[0] ?? { left: 0, top: 0, width: 1, height: 1 }
  const corners = [left * 1080, top * 1350, (left + width) * 1080, (top + height) * 1350]
  return { label: name, confidence, bbox: corners.map(Math.round) }
}
