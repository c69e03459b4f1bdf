using Chasqui.Gateway.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Chasqui.Server;

/// <summary>
/// Answers in a Redis that several gateways share. One that is gone or slow costs a miss and a warning, and is then left alone for some seconds, so that nobody waits for it
/// again and again. Thread-safe.
/// </summary>
internal sealed partial class RedisStore : ISharedStore, IDisposable
{
    /// <summary>How long it may take: an answer that is kept must come sooner than one that is made.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(5);

    // Beyond this, answers are not kept there: whoever waits for them costs memory.
    private const int MaxWriting = 256;

    private readonly RedisCache _redis;
    private readonly TimeProvider _time;
    private readonly ILogger<RedisStore> _logger;
    private long _pausedAt;
    private int _writing;

    public RedisStore(string connection, TimeProvider time, ILogger<RedisStore> logger)
    {
        (_time, _logger) = (time, logger);
        var configuration = Read(connection);
        configuration.AbortOnConnectFail = false;
        configuration.ConnectTimeout = (int)_patience.TotalMilliseconds;
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        _redis = new RedisCache(Options.Create(new RedisCacheOptions { ConfigurationOptions = configuration, InstanceName = "chasqui:" }));
    }

    /// <exception cref="ConfigurationException">It is no connection string.</exception>
    public static ConfigurationOptions Read(string connection)
    {
        try
        {
            return ConfigurationOptions.Parse(connection);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            // The reason is left out: it may have a part of the password.
            throw new ConfigurationException("Cache:Redis is no connection string of Redis; it must be one such as 127.0.0.1:6379,password=…", e);
        }
    }

    public async ValueTask<byte[]?> FindAsync(string key, CancellationToken cancellationToken)
    {
        if (IsPaused())
            return null;
        try
        {
            return await _redis.GetAsync(key, cancellationToken).WaitAsync(_patience, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsGone(e))
        {
            Pause(e);
            return null;
        }
    }

    public void Add(string key, byte[] value, TimeSpan lifetime)
    {
        if (!IsPaused())
            _ = AddAsync(key, value, lifetime);
    }

    public void Dispose() => _redis.Dispose();

    private async Task AddAsync(string key, byte[] value, TimeSpan lifetime)
    {
        try
        {
            if (Interlocked.Increment(ref _writing) <= MaxWriting)
            {
                await _redis.SetAsync(key, value, new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = lifetime }).WaitAsync(_patience, _time).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsGone(e))
        {
            Pause(e);
        }
        finally
        {
            Interlocked.Decrement(ref _writing);
        }
    }

    private static bool IsGone(Exception e) => e is RedisException or TimeoutException or ObjectDisposedException or System.IO.IOException;

    private bool IsPaused() => Volatile.Read(ref _pausedAt) is not 0 and var at && _time.GetElapsedTime(at) < _pause;

    private void Pause(Exception why)
    {
        Volatile.Write(ref _pausedAt, Math.Max(1, _time.GetTimestamp()));
        LogGone(why.Message);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis does not answer, so that answers are kept in memory alone for some seconds: {Reason}")]
    private partial void LogGone(string reason);
}
