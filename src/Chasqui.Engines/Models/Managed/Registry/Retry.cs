namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Tries again what a registry broke off.</summary>
internal static class Retry
{
    /// <summary>Runs an attempt until it ends well, fails for good, or has failed too often in a row without getting further.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="position">How far it is; attempts that get further are counted anew.</param>
    /// <param name="options">How often, and how long to wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<T> RunAsync<T>(
        Func<Task<T>> attempt, Func<long> position, RegistryOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var failures = 0;
        var reached = position();
        while (true)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (RegistryException e) when (e.MayRetry && !cancellationToken.IsCancellationRequested)
            {
                var now = position();
                failures = now > reached ? 1 : failures + 1;
                reached = Math.Max(reached, now);
                if (failures >= options.Attempts)
                    throw new RegistryException($"max retries exceeded: {e.Message}", mayRetry: false, e);
            }
            await Task.Delay(options.BackoffAfter(failures), time, cancellationToken).ConfigureAwait(false);
        }
    }
}
