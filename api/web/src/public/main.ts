import { mount } from 'svelte'

import '../styles.css'
import Public from './Public.svelte'

mount(Public, { target: document.getElementById('app')! })
