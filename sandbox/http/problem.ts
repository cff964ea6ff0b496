import { STATUS_CODES } from 'node:http'
import { type Answer, HTML, PROBLEM } from './answer.ts'

export type FieldProblem = { code: string; path: string; detail: string }

/** The problem body of amoCRM (upstreams/amocrm.md, 5), which others resemble. */
export function problem(status: number, detail: string, fields: FieldProblem[] = []): Answer {
  const body = {
    title: STATUS_CODES[status] ?? 'Error',
    type: `https://httpstatus.es/${status}`,
    status,
    detail,
    ...(fields.length > 0 && { 'validation-errors': [{ request_id: '0', errors: fields }] }),
  }
  return { status, contentType: PROBLEM, json: body }
}

/** What nginx says before the application is reached. */
export function nginxPage(status: number): Answer {
  const title = `${status} ${STATUS_CODES[status] ?? 'Error'}`
  const text = [
    '<html>',
    `<head><title>${title}</title></head>`,
    '<body>',
    `<center><h1>${title}</h1></center>`,
    '<hr><center>nginx</center>',
    '</body>',
    '</html>',
    '',
  ].join('\r\n')
  return { status, contentType: HTML, text }
}
