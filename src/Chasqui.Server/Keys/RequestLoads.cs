using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Server;

/// <summary>Counts a request of HTTP for its caller, from the moment that it is known who asks to the end of the answer.</summary>
internal static class RequestLoads
{
    /// <summary>It begins.</summary>
    /// <param name="loads">The counts.</param>
    /// <param name="state">The request.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="load">What the caller has under way; taken over.</param>
    /// <param name="comesBack">Whether it comes back to a kept answer.</param>
    /// <exception cref="RateLimitedException">The caller has too many.</exception>
    public static void Enter(this CallerLoads loads, RequestState state, Caller caller, CallerLoad load, bool comesBack = false)
    {
        try
        {
            loads.EnterRequest(load, caller, comesBack);
            state.Load = load;
        }
        catch
        {
            loads.Release(load);
            throw;
        }
    }

    /// <summary>It turns out to be an event stream.</summary>
    /// <exception cref="RateLimitedException">The caller has too many of these.</exception>
    public static void BecomeSubscription(this CallerLoads loads, RequestState state, Caller caller)
    {
        if (state.Load is not { } load || state.IsSubscription)
            return;
        loads.EnterSubscription(load, caller);
        state.IsSubscription = true;
        loads.LeaveRequest(load);
    }

    /// <summary>Its answer is kept, and has its place from now on.</summary>
    /// <returns>The place, for the answer to give back when it has ended; null where nothing is counted.</returns>
    public static KeptPlace? Keep(this CallerLoads loads, RequestState state) => state.Kept = state.Load is { } load ? loads.Keep(load) : null;

    /// <summary>
    /// It reads a kept answer: it uses the place of the answer, if that still runs and has no other reader; else it needs its own.
    /// </summary>
    /// <exception cref="RateLimitedException">It has none of its own.</exception>
    public static void Read(this CallerLoads loads, RequestState state, Caller caller, KeptPlace? place)
    {
        if (state.Load is not { } load)
            return;
        if (place?.TryRead(load) != true)
        {
            loads.EnsurePlace(load, caller);
            return;
        }
        state.Kept = place;
        loads.LeaveRequest(load);
    }

    /// <summary>It has ended.</summary>
    public static void Leave(this CallerLoads loads, RequestState state)
    {
        if (state.Load is not { } load)
            return;
        state.Load = null;
        state.Charge?.Dispose();
        if (state.Kept is { } kept)
            kept.Left();
        else if (state.IsSubscription)
            loads.LeaveSubscription(load);
        else
            loads.LeaveRequest(load);
        loads.Release(load);
    }
}
