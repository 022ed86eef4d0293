# A security group that people fill with inline rules already, and that sgsync is to fill, too.
#
# With inline `ingress` blocks, Terraform takes every rule of the group for its own and removes sgsync's with the next apply,
# and sgsync puts them back: they would fight for ever. `ignore_changes` ends that. The price: Terraform no longer
# repairs, or changes, the rules written here. A group of sgsync's own, as in the folder above, has no such price.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "vpc_id" {
  description = "Where the group is."
  type        = string
}

resource "aws_security_group" "orders" {
  name        = "orders"
  description = "Admits people, and the members of orders-db by sgsync"
  vpc_id      = var.vpc_id

  ingress {
    description = "bastion"
    protocol    = "tcp"
    from_port   = 22
    to_port     = 22
    cidr_blocks = ["198.51.100.7/32"]
  }

  egress {
    description = "anywhere"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }

  lifecycle {
    ignore_changes = [ingress]
  }
}
