import { catalogue } from './catalogue.ts'
import en from './en/table.ts'

export const m = catalogue('table', en)
