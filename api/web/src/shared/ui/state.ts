// How something stands: a shape and colour, a word, and more of it in a second line.
export type Looks = 'good' | 'wait' | 'bad' | 'off' | 'new'

export interface Doing {
  looks: Looks
  word: string
  more: string
}
