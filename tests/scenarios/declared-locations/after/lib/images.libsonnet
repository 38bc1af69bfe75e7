{
  web: { image: 'reg.example.com/acme/web', tag: '1.10.0' },  // pinned
}
