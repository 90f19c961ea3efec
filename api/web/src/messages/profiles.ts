import { catalogue } from './catalogue.ts'
import en from './en/profiles.ts'

export const m = catalogue('profiles', en)
