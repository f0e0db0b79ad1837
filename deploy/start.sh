#!/bin/bash
exec tutordex tail "$@"
