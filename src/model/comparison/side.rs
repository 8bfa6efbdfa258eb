//! The two sides of a comparison.

/// The two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What customers received.
    Shipped,
    /// What was rebuilt.
    Rebuilt,
}

/// A value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sides<T> {
    /// Of what customers received.
    pub shipped: T,
    /// Of what was rebuilt.
    pub rebuilt: T,
}

impl<T> Sides<T> {
    /// A pair.
    pub fn new(shipped: T, rebuilt: T) -> Self {
        Self { shipped, rebuilt }
    }

    /// The value of one side.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Shipped => &self.shipped,
            Side::Rebuilt => &self.rebuilt,
        }
    }

    /// The value of one side, to change.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Shipped => &mut self.shipped,
            Side::Rebuilt => &mut self.rebuilt,
        }
    }

    /// Both values as references.
    pub fn as_ref(&self) -> Sides<&T> {
        Sides { shipped: &self.shipped, rebuilt: &self.rebuilt }
    }

    /// The same function on both.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Sides<U> {
        Sides { shipped: f(self.shipped), rebuilt: f(self.rebuilt) }
    }
}
