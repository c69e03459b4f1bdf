using System.Runtime.InteropServices;

namespace Chasqui.Cli;

/// <summary>
/// What Ctrl-C and SIGTERM do. Ctrl-C cancels the innermost <see cref="InterruptScope"/>, SIGTERM all of them; a signal that
/// finds everything cancelled already ends the process at once. Thread-safe.
/// </summary>
internal sealed class Interrupts(Action<int> exit)
{
    private readonly Lock _lock = new();
    private readonly Stack<InterruptScope> _scopes = new();

    /// <summary>What SIGHUP does instead of ending the process; null, the default, for nothing else.</summary>
    public Action? OnHangup { get; set; }

    /// <summary>Handles the signals of this process until the result is disposed.</summary>
    public IDisposable Listen()
    {
        var registrations = new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
            .Select(signal => PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (signal == PosixSignal.SIGHUP && OnHangup is { } hangup)
                    hangup();
                else
                    Raise(terminate: signal != PosixSignal.SIGINT);
            }))
            .ToArray();
        return new Registrations(registrations);
    }

    /// <summary>Begins a piece of work that an interrupt cancels.</summary>
    /// <param name="onInterrupt">Runs instead of cancelling, and says with false that the interrupt did no more than that;
    /// not asked for SIGTERM.</param>
    public InterruptScope Begin(Func<bool>? onInterrupt = null)
    {
        var scope = new InterruptScope(this, onInterrupt);
        lock (_lock)
            _scopes.Push(scope);
        return scope;
    }

    /// <summary>As if a signal had come.</summary>
    public void Raise(bool terminate = false)
    {
        InterruptScope[] targets;
        lock (_lock)
            targets = terminate ? [.. _scopes] : [.. _scopes.Take(1)];
        var cancelled = false;
        foreach (var scope in targets)
            cancelled |= scope.Interrupt(terminate);
        if (!cancelled)
            exit(ExitCodes.Cancelled);
    }

    private void End(InterruptScope scope)
    {
        lock (_lock)
        {
            if (_scopes.TryPeek(out var top) && top == scope)
                _scopes.Pop();
        }
    }

    /// <summary>A piece of work that an interrupt cancels.</summary>
    internal sealed class InterruptScope(Interrupts owner, Func<bool>? onInterrupt) : IDisposable
    {
        private readonly CancellationTokenSource _cancel = new();

        public CancellationToken Token => _cancel.Token;

        public void Dispose()
        {
            owner.End(this);
            _cancel.Dispose();
        }

        /// <returns>False when the interrupt found nothing left to cancel.</returns>
        internal bool Interrupt(bool terminate)
        {
            if (!terminate && onInterrupt is not null && !onInterrupt())
                return true;
            try
            {
                if (_cancel.IsCancellationRequested)
                    return false;
                _cancel.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended between the signal and here; what it would have cancelled is done.
            }
            return true;
        }
    }

    private sealed class Registrations(PosixSignalRegistration[] all) : IDisposable
    {
        public void Dispose()
        {
            foreach (var registration in all)
                registration.Dispose();
        }
    }
}
