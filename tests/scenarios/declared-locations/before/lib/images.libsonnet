{
  web: { image: 'reg.example.com/acme/web', tag: '1.9.0' },  // pinned
}
