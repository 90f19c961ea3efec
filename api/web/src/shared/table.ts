// Tables as files: what a stranger's file of text says in rows and columns, and rows of ours that no spreadsheet runs.
// Plain data in and out.
import { m } from '#messages/table.ts'

export const BYTES_MAX = 30_000_000

export interface Line {
  /** Its line in the file, from 1. */
  at: number
  cells: string[]
}

export interface Table {
  /** Names of the columns, in small letters. */
  columns: string[]
  lines: Line[]
  /** Numbers may have a comma for a point: the fields stand between others. */
  commas: boolean
}

/** Text of bytes: UTF-8, UTF-16 with a mark, or what Windows wrote in western Europe. */
export function decoded(bytes: Uint8Array): { text: string; note: string } {
  const [a, b] = bytes
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff))
    return { text: new TextDecoder(a === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes), note: '' }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), note: '' }
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), note: m.note_encoding }
  }
}

/** Text of a file; throws what is wrong with it as a whole. */
export function textOf(bytes: Uint8Array): { text: string; note: string } {
  if (bytes.length > BYTES_MAX) throw new Error(m.file_large(Math.round(BYTES_MAX / 1e6)))
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) throw new Error(m.file_zip)
  const found = decoded(bytes)
  if (!found.text.trim()) throw new Error(m.file_empty)
  if (found.text.includes('\0')) throw new Error(m.file_binary)
  return found
}

/** Fields between commas, semicolons or tabs, in quotes where they have to be; the first line names the columns. */
export function tableOf(text: string): Table {
  const whole = text.replace(/^\ufeff/, '')
  const told = /^sep=(.)\r?\n/.exec(whole) // as spreadsheets write it
  const [head = ''] = whole.slice(told?.[0].length ?? 0).split(/\r?\n/, 1)
  const comma = told?.[1] ?? [';', '\t', ','].reduce((a, b) => (head.split(b).length > head.split(a).length ? b : a))
  const lines = fields(whole, comma)
  if (told) lines.shift()
  const columns = (lines.shift()?.cells ?? []).map((name) => plain(name).toLowerCase())
  return { columns, lines, commas: comma !== ',' }
}

function fields(text: string, comma: string): Line[] {
  const rows: Line[] = []
  let [cells, cell, quoted, at, line]: [string[], string, boolean, number, number] = [[], '', false, 1, 1]
  for (let i = 0; i <= text.length; i++) {
    const c = text[i]
    if (c === '\n') line++
    if (quoted && c !== undefined) {
      if (c !== '"') cell += c
      else if (text[i + 1] === '"') cell += text[++i]
      else quoted = false
    } else if (c === '"' && !cell) quoted = true
    else if (c === comma) {
      cells.push(cell)
      cell = ''
    } else if (c === '\n' || c === undefined) {
      cells.push(cell.replace(/\r$/, ''))
      if (cells.some((each) => each.trim())) rows.push({ at, cells })
      ;[cells, cell, at] = [[], '', line]
    } else cell += c
  }
  return rows
}

const FORMULA = /^[=+\-@\t\r\n\0＝＋－＠]/
const DEFUSED = /^'(?=[=+\-@\t\r＝＋－＠])/

/** What a cell says, without the quote that keeps a spreadsheet from running it. */
export const plain = (cell: string): string => cell.replace(DEFUSED, '').trim()

/** A cell of CSV: one that a spreadsheet would run is preceded by a quote; a number is not. */
export function csvCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  const text = String(value)
  const safe = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text
  return /[",;\r\n\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A file of CSV; the mark in front tells spreadsheets that it is UTF-8. */
export const csvOf = (columns: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): string =>
  `\ufeff${[columns, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n')}\r\n`

/** Hands a text to the user as a file. */
export function saveText(text: string, name: string, type: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
