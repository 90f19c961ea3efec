import { catalogue } from './catalogue.ts'
import en from './en/kpis.ts'

export const m = catalogue('kpis', en)
