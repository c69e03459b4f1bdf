using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Chasqui.Engines.Models.Managed;

/// <summary>What the runtime has no calls for: hard links, and making a folder's entries durable.</summary>
public static partial class NativeFiles
{
    /// <summary>Gives a file a second name on the same disk; false where that is not possible.</summary>
    public static bool TryHardLink(string existing, string link)
    {
        try
        {
            return OperatingSystem.IsWindows() ? CreateHardLink(link, existing, 0) : Link(existing, link) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    /// <summary>Makes the names in a folder survive a loss of power, where the system lets a program ask for that.</summary>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        var handle = Open(folder, 0);
        if (handle < 0)
            return;
        // A file system that cannot do it says so, and there is nothing to be done about that.
        _ = Sync(handle);
        _ = Close(handle);
    }

    /// <summary>
    /// Opens a regular file for reading, and nothing else: a pipe with a name is not waited for. What has no length of its own, as a
    /// device, is told by its bytes: a file of length 0
    /// has none.
    /// </summary>
    /// <exception cref="IOException">It cannot be opened, or is a folder, a pipe, a socket or a device.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission.</exception>
    public static SafeFileHandle OpenRegular(string path)
    {
        if (Directory.Exists(path))
            throw new IOException("it is a folder");
        var handle = OperatingSystem.IsWindows() ? File.OpenHandle(path) : OpenWithoutWaiting(path);
        try
        {
            // Neither a pipe nor a terminal has a place where to read.
            _ = RandomAccess.GetLength(handle);
            return handle;
        }
        catch (Exception e)
        {
            handle.Dispose();
            throw e is NotSupportedException ? new IOException("it is no regular file", e) : e;
        }
    }

    private static SafeFileHandle OpenWithoutWaiting(string path)
    {
        // O_NONBLOCK and O_CLOEXEC, whose numbers differ.
        var flags = OperatingSystem.IsMacOS() ? 0x4 | 0x1000000 : 0x800 | 0x80000;
        var handle = Open(path, flags);
        if (handle >= 0)
            return new SafeFileHandle(handle, ownsHandle: true);
        var error = Marshal.GetLastPInvokeError();
        throw error switch
        {
            NoEntry => new FileNotFoundException(null, path),
            NoFolder => new DirectoryNotFoundException(),
            NoAccess => new UnauthorizedAccessException(),
            _ => new IOException(Marshal.GetPInvokeErrorMessage(error)),
        };
    }

    // The same on Linux and macOS.
    private const int NoEntry = 2;
    private const int NoAccess = 13;
    private const int NoFolder = 20;

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string link);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", StringMarshalling = StringMarshalling.Utf16, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string link, string existing, nint reserved);
}
