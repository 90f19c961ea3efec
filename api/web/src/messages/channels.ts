import { catalogue } from './catalogue.ts'
import en from './en/channels.ts'

export const m = catalogue('channels', en)
