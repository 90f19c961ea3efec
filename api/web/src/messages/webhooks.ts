import { catalogue } from './catalogue.ts'
import en from './en/webhooks.ts'

export const m = catalogue('webhooks', en)
