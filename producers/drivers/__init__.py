"""One file for each kind of device, found by looking; the contract is `weir.driver`."""
