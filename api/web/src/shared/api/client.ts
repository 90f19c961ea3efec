// The REST interface: every address with its parameters, bodies and answers as its document describes them.
import createClient from 'openapi-fetch'

import { m } from '#messages/shared.ts'

import type { paths } from './schema.d.ts'
import type { Problem } from './shapes.ts'

/** A refused or failed request; `message` can be shown to the user, `status` 0 means the server was not reached. */
export class ApiError extends Error {
  readonly status: number
  readonly retryAfterS: number | undefined
  /** What is wrong with which field of the body, by the field's name ('stops.0.site'). */
  readonly fields: ReadonlyMap<string, string>

  constructor(status: number, message: string, retryAfterS?: number, fields: ReadonlyMap<string, string> = new Map()) {
    super(message)
    this.status = status
    this.retryAfterS = retryAfterS
    this.fields = fields
  }
}

/** What a caught error has to say to the user. */
export const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))

let signedOut: () => void = () => undefined

/** Called whenever a request is answered 401. */
export function onSignedOut(handler: () => void): void {
  signedOut = handler
}

export const api = createClient<paths, 'application/json'>({
  credentials: 'same-origin',
  headers: { accept: 'application/json' },
  fetch: (request) =>
    fetch(request, { signal: AbortSignal.timeout(20_000) }).catch(() => {
      throw new ApiError(0, m.unreachable)
    }),
})

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** What a request is answered with; throws an {@link ApiError} when it is refused. */
export async function ask<Data>(request: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await request
  if (response.ok) return data as Data
  if (response.status === 401 && !response.url.endsWith('/login')) signedOut()
  throw refusal(response, error)
}

function refusal(response: Response, body: unknown): ApiError {
  const problem: Partial<Problem> = typeof body === 'object' && body !== null ? body : {}
  const fields = new Map((problem.errors ?? []).map(({ field, message }) => [field, message]))
  const [, field, wrong] = (response.status === 422 && !fields.size && /^([a-z0-9_.]+): (.+)$/s.exec(problem.detail ?? '')) || []
  if (field && wrong) fields.set(field, wrong)
  return new ApiError(
    response.status,
    problem.detail ?? problem.title ?? m.answered(response.status),
    Number(response.headers.get('retry-after')) || undefined,
    fields,
  )
}

/** RFC 3339 text of a time in ms. */
export const iso = (at: number): string => new Date(at).toISOString()

/** Behind which thing the next page of a list begins; undefined behind the last one. */
export function nextOf(response: Response): string | undefined {
  const [, cursor] = /[?&]cursor=([^&>]+)/.exec(response.headers.get('link') ?? '') ?? []
  return cursor && decodeURIComponent(cursor)
}
