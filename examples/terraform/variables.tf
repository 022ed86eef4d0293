variable "mesh" {
  description = "The mesh's name: the owner of every rule, and part of every name that the stack gives."
  type        = string
  default     = "orders-db"

  validation {
    condition     = can(regex("^[a-z0-9-]{1,48}$", var.mesh))
    error_message = "A mesh's name is 1 to 48 of a-z, 0-9 and -."
  }
}

variable "ports" {
  description = "What instances may reach on each other, over TCP: a port or a range."
  type        = string
  default     = "7000-7001"
}

variable "members" {
  description = "One for each region, by the region's name."
  type = map(object({
    vpc_id        = string
    subnet_ids    = list(string) # Their instances need public addresses, unless the mesh admits other kinds.
    image_id      = string
    instance_type = string
    max_size      = number
    # What `sam package` wrote for this region: its functions are in a bucket of this region.
    template = string
  }))
}

variable "alarm_email" {
  description = "Who gets the alarms; AWS asks them to confirm."
  type        = string
  default     = ""
}
