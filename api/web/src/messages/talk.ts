import { catalogue } from './catalogue.ts'
import en from './en/talk.ts'

export const m = catalogue('talk', en)
