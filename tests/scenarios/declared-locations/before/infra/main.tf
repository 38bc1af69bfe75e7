resource "x" "y" {
  image = "reg.example.com/acme/proxy:v1.0.0"
}
