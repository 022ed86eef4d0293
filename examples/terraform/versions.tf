terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0" # From 6.0 on, a resource names its region: one provider serves every member.
    }
  }
}

provider "aws" {
  region = "us-east-1"
}
