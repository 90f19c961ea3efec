import { catalogue } from './catalogue.ts'
import en from './en/sites.ts'

export const m = catalogue('sites', en)
