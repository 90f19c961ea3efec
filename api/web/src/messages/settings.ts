import { catalogue } from './catalogue.ts'
import en from './en/settings.ts'

export const m = catalogue('settings', en)
