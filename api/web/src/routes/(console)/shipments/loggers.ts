// Files of temperature loggers that travelled with a shipment: looked at, brought in, followed until their readings are in.
import { m } from '#messages/shared.ts'
import { api, ApiError, ask } from '#shared/api/client.ts'
import type { LoggerFile } from '#shared/api/shapes.ts'

/** How one thing about a file is written; `chosen` null: the text leaves it open. */
export interface Question {
  chosen: string | null
  options: readonly string[]
  why: string
}

export type Answers = Readonly<Record<string, string>>

/** What is to be shown of how a file is written, in the order in which it is asked. */
export function questionsOf(file: LoggerFile): [string, Question][] {
  const found = (file.detection as { questions?: Record<string, Question> }).questions ?? {}
  const order = ['zone', 'date_order', 'unit', 'clock', 'decimal', 'separator']
  return Object.entries(found).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
}

/** Which of them somebody must answer. */
export const openOf = (file: LoggerFile): readonly string[] => (file.detection as { open?: string[] }).open ?? []

async function send(shipment: string, file: File, answers: Answers, more: Answers): Promise<LoggerFile> {
  const query = new URLSearchParams({ shipment, name: file.name.slice(0, 200), ...answers, ...more })
  const response = await fetch(`/api/v1/logger-files?${query}`, { method: 'POST', credentials: 'same-origin', body: file }).catch(() => {
    throw new ApiError(0, m.unreachable)
  })
  const body: unknown = await response.json().catch(() => null)
  return ask<LoggerFile>(Promise.resolve(response.ok ? { data: body as LoggerFile, response } : { error: body, response }))
}

/** What is in it, and what would be done. */
export const look = (shipment: string, file: File, answers: Answers): Promise<LoggerFile> => send(shipment, file, answers, { dry_run: 'true' })

/** Brings it in; it waits then. */
export const bring = (shipment: string, file: File, answers: Answers): Promise<LoggerFile> => send(shipment, file, answers, {})

export async function filesOf(shipment: string): Promise<LoggerFile[]> {
  return (await ask(api.GET('/api/v1/logger-files', { params: { query: { shipment, limit: 50 } } }))).items
}
