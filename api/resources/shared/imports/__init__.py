"""What people bring as files of any size: read line by line, judged, stored in portions, told of as it goes."""
