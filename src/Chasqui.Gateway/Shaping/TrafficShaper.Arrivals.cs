namespace Chasqui.Gateway.Shaping;

/// <summary>Requests whose body has still to come.</summary>
public sealed partial class TrafficShaper
{
    /// <summary>
    /// Whether a request would be let in, asked before its body is read: who has no requests left does not send a body first. It takes nothing, but while the body comes no other
    /// is promised the same place.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="view">The limits that are asked, for an answer that tells of them; null where there are none.</param>
    /// <returns>To be disposed of when the body has come; null where no limit of requests holds whatever the model.</returns>
    /// <exception cref="RateLimitedException">A limit is reached, and is for longer than a request may wait.</exception>
    public Arrival? Expect(Caller caller, out LimitView? view)
    {
        ArgumentNullException.ThrowIfNull(caller);
        view = null;
        var options = _options;
        if (caller.Limit.IsNone && options.Overall.IsNone)
            return null;
        var states = new List<LimitState>(2);
        lock (_gate)
        {
            if (!caller.Limit.IsNone)
                states.Add(StateOf(caller));
            if (!options.Overall.IsNone)
                states.Add(_overall);
            view = new LimitView(this, states);
            var now = Now;
            foreach (var state in states)
            {
                // Of tokens it takes at least one, which is there unless the bucket is in debt.
                if (Lacks(state.Requests, state.Arriving, out var wait) || Lacks(state.Tokens, 0, out wait))
                    throw Refusal.Of(view, 1, now, wait);
            }
            foreach (var state in states)
                state.Arriving++;

            // The wait is null for ever.
            bool Lacks(TokenBucket? bucket, int ahead, out TimeSpan? wait)
            {
                wait = bucket is null ? TimeSpan.Zero : bucket.WaitFor(1, now, ahead);
                return wait is not { } time || time > options.MaxDelay;
            }
        }
        return new Arrival(this, states);
    }

    internal void Arrived(IReadOnlyList<LimitState> states)
    {
        lock (_gate)
        {
            foreach (var state in states)
                state.Arriving--;
        }
    }
}
