import { catalogue } from './catalogue.ts'
import en from './en/loading.ts'

export const m = catalogue('loading', en)
