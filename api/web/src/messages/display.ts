import { catalogue } from './catalogue.ts'
import en from './en/display.ts'

export const m = catalogue('display', en)
