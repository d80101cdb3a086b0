package ui

// Mode returns how progress is shown, never Auto.
func (p *Progress) Mode() Mode { return p.o.Mode }

// Update is Add with all that is done.
func (p *Progress) Update(done, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.failed = done, failed
	p.due()
}

// Now prints at once.
func (p *Progress) Now() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.print(p.o.Now())
	}
}
