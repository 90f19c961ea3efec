import { catalogue } from './catalogue.ts'
import en from './en/alerts.ts'

export const m = catalogue('alerts', en)
