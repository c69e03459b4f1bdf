using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>Memory goes back when a gateway that was busy is calm, and only then.</summary>
public sealed class IdleMemoryTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly IdleMemory _memory;
    private long _allocated;
    private long _resident = 100 << 20;
    private int _collected;

    public IdleMemoryTests() => _memory = new IdleMemory(_time, () => _allocated, () => _resident, () =>
    {
        _collected++;
        _resident = 110 << 20;
    });

    public async ValueTask InitializeAsync() => await _memory.StartAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        _memory.Dispose();
        return default;
    }

    [Fact]
    public void What_a_busy_time_has_left_is_collected_once_when_it_is_calm()
    {
        Pass(60, IdleMemory.Calm + 1);
        _resident = 500 << 20;
        Pass(60, IdleMemory.Calm + 1);
        Assert.Equal(0, _collected);

        Pass(IdleMemory.CalmLooks - 1, 0);
        Assert.Equal(0, _collected);
        Pass(1, 0);
        Assert.Equal(1, _collected);
        // It has given back all that there was.
        Pass(600, 0);
        Assert.Equal(1, _collected);
    }

    [Fact]
    public void Little_is_not_worth_it()
    {
        _resident += IdleMemory.Much - 1;
        Pass(600, 0);
        Assert.Equal(0, _collected);

        _resident++;
        Pass(IdleMemory.CalmLooks, 0);
        Assert.Equal(1, _collected);
    }

    [Fact]
    public void Calm_is_a_time_and_not_a_moment()
    {
        _resident = 500 << 20;
        for (var i = 0; i < 60; i++)
        {
            Pass(IdleMemory.CalmLooks - 1, 0);
            Pass(1, IdleMemory.Calm + 1);
        }
        Assert.Equal(0, _collected);
    }

    private void Pass(int looks, long allocates)
    {
        for (var i = 0; i < looks; i++)
        {
            _allocated += allocates;
            _time.Advance(IdleMemory.Interval);
        }
    }
}
