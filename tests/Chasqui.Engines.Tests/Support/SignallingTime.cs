using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests;

/// <summary>A clock that is moved by hand, and tells when a wait begins.</summary>
internal sealed class SignallingTime : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _timers = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        _timers.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Waits until a timer of that time was made.</summary>
    public async Task UntilTimerAsync(TimeSpan dueTime)
    {
        while (await _timers.Reader.ReadAsync(Nodes.Token) != dueTime)
        {
        }
    }
}
