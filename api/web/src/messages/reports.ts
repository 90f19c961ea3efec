import { catalogue } from './catalogue.ts'
import en from './en/reports.ts'

export const m = catalogue('reports', en)
