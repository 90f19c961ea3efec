import { catalogue } from './catalogue.ts'
import en from './en/live.ts'

export const m = catalogue('live', en)
