untrusted comment: verify with bob.pub
RWQk4R5916VANxLZ4+tuCE/7RNdna3kLklT4jnDvBil09Q2llysWat5cr7zRd7V/BSo7+IbyeLhpgr26mNeFSj+wvEu7+1dzqQE=
