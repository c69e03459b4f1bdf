namespace Chasqui;

/// <summary>Where work that no request waits for reports an exception that it did not expect. Thread-safe.</summary>
/// <remarks>
/// An exception that leaves a timer's callback ends the process. No background work may do that, so each one is caught and reported here.
/// </remarks>
public static class BackgroundFaults
{
    /// <summary>Called for each exception, with the name of the work. A handler that throws is ignored.</summary>
    public static event Action<string, Exception>? Reported;

    /// <summary>Reports an exception. It never throws.</summary>
    /// <param name="work">What was being done, such as <c>keys: look at the file</c>.</param>
    /// <param name="exception">The exception that was caught.</param>
    public static void Report(string work, Exception exception)
    {
        if (Reported is not { } handlers)
            return;
        foreach (var handler in Delegate.EnumerateInvocationList(handlers))
        {
            try
            {
                handler(work, exception);
            }
            catch (Exception)
            {
                // There is no place left to report this to; the process must go on.
            }
        }
    }
}
