import { catalogue } from './catalogue.ts'
import en from './en/routes.ts'

export const m = catalogue('routes', en)
